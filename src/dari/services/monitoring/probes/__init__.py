"""What is read of the platform, each part with a deadline: facts or unknown, never healthy by default."""
