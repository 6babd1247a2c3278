"""How others ask us: one path of a call (dispatch), and doors that lead to it."""
