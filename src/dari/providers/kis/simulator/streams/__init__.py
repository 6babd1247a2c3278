"""The websocket side: registrations, frames of several records, encrypted notices, PINGPONG."""
