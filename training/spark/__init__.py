"""The optional engine past one machine: Spark reads the ratings and fits ALS; the model is an ordinary bundle.

Needs the dependency group `spark` (pyspark 4) and Java 17. Nothing else of the project imports this package.
"""
