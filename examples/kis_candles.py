"""KIS 한국투자증권: a price and some daily candles, by endpoint id.

python examples/kis_candles.py [--simulated] [CODE]
"""

import asyncio
import sys

from dari.kis import KisClient

FIELDS = {"output2": {"stck_bsop_date": "day", "stck_clpr": "close", "acml_vol": "volume"}}


async def main(code: str, *, simulated: bool) -> None:
    """Print the price and the last five days."""
    async with KisClient(simulated=simulated) as kis:
        price = await kis.ask("domestic_stock.inquire_price", {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code})
        print(f"{code} {int(price.body['output']['stck_prpr']):,}원")
        candles = await kis.ask(
            "domestic_stock.inquire_daily_itemchartprice",
            {
                "FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code, "FID_INPUT_DATE_1": "20261001",
                "FID_INPUT_DATE_2": "20261120", "FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "0",
            },
        )  # fmt: skip
        for row in kis.rows(candles, FIELDS)[:5]:
            print(f"{row['day']} {int(row['close']):>9,} {int(row['volume']):>12,}")


if __name__ == "__main__":
    words = [one for one in sys.argv[1:] if not one.startswith("-")]
    asyncio.run(main(words[0] if words else "005930", simulated="--simulated" in sys.argv))
