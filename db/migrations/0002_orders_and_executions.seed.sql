-- A limit order with a fill, a market order without strategy or fill, a hidden execution; the
-- largest and the smallest numeric(32, 16).

INSERT INTO orders (id, provider_id, strategy_instance_id, client_order_id, instrument, side,
                    order_type, quantity, price, filled_quantity, state, external_order_ref,
                    acknowledged_at, version)
VALUES
    ('018f0000-0000-7000-8000-000000000011', 1, '018f0000-0000-7000-8000-000000000001', 'c-1',
     'BTC-USD', 'buy', 'limit', 9999999999999999.9999999999999999, 0.0000000000000001, 1,
     'partially_filled', 'x-1', now(), 3),
    ('018f0000-0000-7000-8000-000000000012', 2, NULL, 'c-1', 'ETH-USD', 'sell', 'market', 2, NULL,
     0, 'new', NULL, NULL, 1);

-- Hidden executions may share a name: UNIQUE (order_id, execution_id) does not compare them.
INSERT INTO executions (order_id, provider_id, execution_id, fill_quantity, fill_price, fee,
                        fee_asset, liquidity, traded_at)
VALUES
    ('018f0000-0000-7000-8000-000000000011', 1, 'e-1', 1, 101.25, -0.01, 'USD', 'maker', now()),
    (NULL, 2, 'e-1', 1, 101.25, NULL, NULL, NULL, now()),
    (NULL, 2, 'e-1', 1, 101.25, NULL, NULL, NULL, now());
