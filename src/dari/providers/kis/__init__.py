"""KIS (한국투자증권 Korea Investment & Securities) Open API."""
