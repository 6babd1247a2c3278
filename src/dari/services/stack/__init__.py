"""Private copies of the programs the payment system is made for, started without containers and without root."""
