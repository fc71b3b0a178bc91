"""Where a picture comes from: the AI label that every saved picture carries, and signed Content Credentials (C2PA)."""
