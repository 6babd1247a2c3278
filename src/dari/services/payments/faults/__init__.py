"""What can go wrong with the platform, done to it for real: scenarios, tamperings, mutants. Nothing here diagnoses."""
