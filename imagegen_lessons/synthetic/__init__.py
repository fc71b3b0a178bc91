"""Pictures drawn from known factors: endless, free to use, and of nobody and nowhere."""
