"""Korea Exchange (한국거래소): the whole market's closed days through the KRX Open API."""
