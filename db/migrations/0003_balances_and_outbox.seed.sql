-- Two snapshots of one balance; an event that was delivered, one that failed, one that waits.

INSERT INTO balances (provider_id, asset, total, available, snapshot_at) VALUES
    (1, 'USD', 1000, 990.5, '2026-01-01 00:00:00+00'),
    (1, 'USD', 1000, 1000, '2026-01-01 00:00:00.000001+00'),
    (2, 'BTC', -1, 0, '2026-01-01 00:00:00+00');

INSERT INTO events_outbox (aggregate_type, aggregate_id, event_type, payload, published_at,
                           attempts, last_error, delivered)
VALUES
    ('order', 'c-1', 'filled', '{"price": "101.25"}', now(), 1, NULL, true),
    ('order', 'c-1', 'cancelled', '{}', NULL, 3, 'timeout', false),
    ('order', 'c-2', 'new', 'null', NULL, 0, NULL, false);
