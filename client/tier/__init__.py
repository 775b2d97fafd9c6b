"""One tier alone, over gRPC."""
