-- The shipped trading schema (db/migrations): two streams for the hot path, and typed SQL for what is
-- asked now and then.

-- ---- streams ----

-- What an order is now: one row an order, its newest version.
-- name: Orders :exec
-- @stream state record(order) key(id) version(version)
-- @text client_order_id 46, instrument 22, side 6, order_type 10, state 10
-- @text external_order_ref 34, metadata 126
INSERT INTO orders (
    id, provider_id, strategy_instance_id, client_order_id, instrument, side, order_type, quantity,
    price, filled_quantity, state, external_order_ref, placed_at, acknowledged_at, completed_at,
    metadata, version, updated_at
) VALUES (
    @id, @provider_id, @strategy_instance_id, @client_order_id, @instrument, @side, @order_type,
    @quantity, @price, @filled_quantity, @state, @external_order_ref, @placed_at, @acknowledged_at,
    @completed_at, @metadata, @version, now()
);

-- What was filled: one row a fill.
-- name: Executions :copyfrom
-- @stream append record(execution)
-- @text execution_id 46, fee_asset 10, liquidity 6, metadata 126
INSERT INTO executions (
    order_id, provider_id, execution_id, fill_quantity, fill_price, fee, fee_asset, liquidity,
    traded_at, metadata
) VALUES (
    @order_id, @provider_id, @execution_id, @fill_quantity, @fill_price, @fee, @fee_asset,
    @liquidity, @traded_at, @metadata
);

-- ---- venues and strategies ----

-- Adds a venue, or brings it up to date; returns its id either way.
-- name: PutProvider :one
INSERT INTO providers (alias, display_name, adapter_identifier, status)
VALUES (@alias, @display_name, @adapter_identifier, @status)
ON CONFLICT (alias) DO UPDATE SET
    display_name = excluded.display_name,
    adapter_identifier = excluded.adapter_identifier,
    status = excluded.status,
    updated_at = now()
RETURNING id;

-- name: GetProvider :one
SELECT * FROM providers WHERE alias = @alias;

-- name: ListProviders :many
SELECT * FROM providers ORDER BY alias;

-- ---- orders ----

-- An order as the database has it; the engine's own view is trading_orders_get.
-- name: GetOrder :one
SELECT * FROM orders WHERE id = @id;

-- Orders that are not at their end, with the alias of their venue; of one venue, or of all.
-- name: ListOpenOrders :many
SELECT sqlc.embed(o), p.alias, s.instance_id
FROM orders o
JOIN providers p ON p.id = o.provider_id
LEFT JOIN strategy_instances s ON s.id = o.strategy_instance_id
WHERE o.completed_at IS NULL AND p.alias = COALESCE(sqlc.narg('provider')::text, p.alias)
ORDER BY o.placed_at
LIMIT sqlc.arg('limit')::int;

-- name: CountOrdersByState :many
SELECT state, count(*) AS orders FROM orders WHERE provider_id = @provider_id GROUP BY state ORDER BY state;

-- ---- balances ----

-- name: PutBalances :batchexec
INSERT INTO balances (provider_id, asset, total, available, snapshot_at)
VALUES (@provider_id, @asset, @total, @available, @snapshot_at)
ON CONFLICT (provider_id, asset, snapshot_at) DO UPDATE SET
    total = excluded.total, available = excluded.available, updated_at = now();

-- The newest balance of each asset.
-- name: ListBalances :many
SELECT DISTINCT ON (asset) asset, total, available, snapshot_at
FROM balances
WHERE provider_id = @provider_id
ORDER BY asset, snapshot_at DESC;

-- ---- outbox ----

-- name: EnqueueEvents :copyfrom
INSERT INTO events_outbox (aggregate_type, aggregate_id, event_type, payload)
VALUES (@aggregate_type, @aggregate_id, @event_type, @payload);

-- name: MarkDelivered :execrows
UPDATE events_outbox SET delivered = true, published_at = now(), attempts = attempts + 1
WHERE id = ANY (@ids::bigint[]) AND NOT delivered;
