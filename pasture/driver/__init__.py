"""Running a recipe on its graph: the loop of the driver, its lock, what it took, and estimates."""
