-- The schema stays: it holds the version table of this set.
DROP TABLE sluice.lane;
