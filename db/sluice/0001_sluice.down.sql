-- The schema stays: it holds the version table of this set.
DROP TABLE sluice.dead_letter;
DROP TABLE sluice.letter_format;
DROP TABLE sluice.lane;
