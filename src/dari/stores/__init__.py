"""What Dari keeps of the world for longer than a cache, in files of this user."""
