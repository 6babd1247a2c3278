"""Kiwoom Securities (키움증권): domestic stocks, ETF, ELW and gold over its REST API and websocket."""
