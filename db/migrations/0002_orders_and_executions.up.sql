-- What Sluice writes: an order's newest state, and every fill. Sluice writes orders before the
-- executions that refer to them, in one transaction.

-- An order's row is written again at each step of its life, and each time Postgres adds a new
-- version of the row and leaves the old one to be cleaned up. fillfactor 70 keeps 30 % of each page
-- free, so that the new version finds room beside the old. A write that changes no indexed column,
-- such as a further partial fill, then touches no index at all (a heap-only update), and its
-- leftovers go without a vacuum. A change of `state` does touch the indexes, because of
-- orders_provider_state_idx. Before adding an index here: on a column that every write changes
-- (version, filled_quantity, updated_at) it would end heap-only updates altogether.
CREATE TABLE orders (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    provider_id          bigint NOT NULL REFERENCES providers (id) ON DELETE RESTRICT,
    strategy_instance_id uuid REFERENCES strategy_instances (id) ON DELETE SET NULL,
    client_order_id      text NOT NULL,
    instrument           text NOT NULL,
    side                 text NOT NULL,
    order_type           text NOT NULL,
    quantity             numeric(32, 16) NOT NULL,
    price                numeric(32, 16),
    filled_quantity      numeric(32, 16) NOT NULL DEFAULT 0,
    state                text NOT NULL,
    external_order_ref   text,
    placed_at            timestamptz NOT NULL DEFAULT now(),
    acknowledged_at      timestamptz,
    completed_at         timestamptz,
    metadata             jsonb NOT NULL DEFAULT '{}',
    version              bigint NOT NULL DEFAULT 0,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider_id, client_order_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE orders IS 'One row an order: its newest state that reached the database';
COMMENT ON COLUMN orders.price IS 'NULL for a market order';
COMMENT ON COLUMN orders.version IS
    'Grows with every state of the order. A write with a lower one changes nothing';

CREATE INDEX orders_provider_state_idx ON orders (provider_id, state);
CREATE INDEX orders_strategy_instance_idx ON orders (strategy_instance_id);

CREATE TABLE executions (
    id            bigserial PRIMARY KEY,
    order_id      uuid REFERENCES orders (id) ON DELETE CASCADE,
    provider_id   bigint NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
    execution_id  text NOT NULL,
    fill_quantity numeric(32, 16) NOT NULL,
    fill_price    numeric(32, 16) NOT NULL,
    fee           numeric(32, 16),
    fee_asset     text,
    liquidity     text,
    traded_at     timestamptz NOT NULL,
    metadata      jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (order_id, execution_id)
);
COMMENT ON TABLE executions IS 'One row a fill; never changed afterwards';
COMMENT ON COLUMN executions.order_id IS
    'NULL for a hidden execution: the venue reports the trade, but not the order it filled. '
    'UNIQUE (order_id, execution_id) does not compare such rows';
COMMENT ON COLUMN executions.execution_id IS 'The venue''s name for the fill';

CREATE INDEX executions_provider_idx ON executions (provider_id);
