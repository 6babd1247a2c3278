"""OpenDART (금융감독원 전자공시): disclosures, the codes of companies, and what a company holds of its own shares."""
