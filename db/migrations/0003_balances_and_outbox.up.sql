-- What the engine owns at a venue, and the events it tells to others.

CREATE TABLE balances (
    id          bigserial PRIMARY KEY,
    provider_id bigint NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
    asset       text NOT NULL,
    total       numeric(32, 16) NOT NULL,
    available   numeric(32, 16) NOT NULL,
    snapshot_at timestamptz NOT NULL,
    metadata    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider_id, asset, snapshot_at)
);
COMMENT ON TABLE balances IS 'One row a snapshot: the newest snapshot_at of an asset is its balance';

CREATE INDEX balances_provider_asset_idx ON balances (provider_id, asset);

-- No foreign keys: an event outlives what it tells about.
CREATE TABLE events_outbox (
    id             bigserial PRIMARY KEY,
    aggregate_type text NOT NULL,
    aggregate_id   text NOT NULL,
    event_type     text NOT NULL,
    payload        jsonb NOT NULL,
    headers        jsonb NOT NULL DEFAULT '{}',
    available_at   timestamptz NOT NULL DEFAULT now(),
    published_at   timestamptz,
    attempts       integer NOT NULL DEFAULT 0,
    last_error     text,
    delivered      boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE events_outbox IS
    'Events to be published; a relay takes the undelivered ones, oldest available_at first';

CREATE INDEX events_outbox_dispatch_idx ON events_outbox (delivered, available_at);
