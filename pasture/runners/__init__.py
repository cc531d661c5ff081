"""Where the Beam jobs of a run are executed: this machine, Spark, or any runner of Beam."""
