"""Tables and views of a database, by SQLAlchemy: whole at each run, or what is new by a column that rises."""
