"""Korean public procurement: 나라장터 (조달청 PPS) and 국방전자조달 (D2B) through data.go.kr."""
