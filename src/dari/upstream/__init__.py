"""How we ask others: one shape (Call → Reply), and policies that are Senders around a Sender."""
