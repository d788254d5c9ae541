DROP TABLE events_outbox;
DROP TABLE balances;
