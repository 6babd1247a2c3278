"""Kiwoom 키움증권: price, account and history by the document's client; keys from the settings.

python examples/kiwoom_account.py [CODE]
"""

import asyncio
import sys

from dari.kiwoom import KiwoomClient, KiwoomError


async def main(code: str) -> None:
    """Print what the client answers, and how it fails."""
    async with KiwoomClient() as kiwoom:
        price = await kiwoom.get_stock_price(code)
        print(f"{code} {price['price']:,}원 {price['change_rate']:+}% ({price['timestamp']})")
        account = await kiwoom.get_account_info()
        print(f"account {account['account_no']}: {account['balance']:,}원")
        history = await kiwoom.get_stock_history(code, days=3)
        for row in history["rows"]:
            print(dict(zip(history["columns"], row, strict=True)))
        try:
            await kiwoom.get_stock_price("999999")
        except KiwoomError as error:
            print(f"{error.code}: {error} (executed: {error.executed})")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "005930"))
