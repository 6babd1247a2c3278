"""What the two commands and the gates run; nothing here is shipped."""
