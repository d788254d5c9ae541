-- Rows for `sluice migrate verify`: a provider with and without routes, a strategy.

INSERT INTO providers (id, alias, display_name, adapter_identifier, connection, status) VALUES
    (1, 'alpha', 'Alpha Exchange', 'alpha-rest', '{"region": "eu"}', 'active'),
    (2, 'beta', '', 'beta-fix', '{}', 'inactive');

INSERT INTO provider_routes (provider_id, symbol, route) VALUES
    (1, 'BTC-USD', '{"book": "BTCUSD"}'),
    (1, 'ETH-USD', '{}');

INSERT INTO strategy_instances (id, strategy_identifier, tag, status, config_hash, instance_id)
VALUES
    ('018f0000-0000-7000-8000-000000000001', 'grid', 'v1', 'running', 'a1', 'grid-1'),
    ('018f0000-0000-7000-8000-000000000002', 'grid', 'v1', 'stopped', 'b2', 'grid-2');
