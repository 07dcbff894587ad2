"""What the DAGs share. Not parsed as DAGs; heavy libraries are imported inside functions only."""
