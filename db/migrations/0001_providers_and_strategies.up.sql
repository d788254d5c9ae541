-- The venues an engine trades on, and the strategies that trade there. Both change rarely; orders
-- refer to both.

CREATE TABLE providers (
    id                 bigserial PRIMARY KEY,
    alias              text NOT NULL UNIQUE,
    display_name       text NOT NULL,
    adapter_identifier text NOT NULL,
    connection         jsonb NOT NULL DEFAULT '{}',
    status             text NOT NULL DEFAULT 'inactive',
    metadata           jsonb NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE providers IS 'A venue or data source; alias is the name the engine knows it by';

CREATE INDEX providers_adapter_identifier_idx ON providers (adapter_identifier);

CREATE TABLE strategy_instances (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    strategy_identifier text NOT NULL,
    tag                 text NOT NULL,
    status              text NOT NULL,
    config_hash         text NOT NULL,
    description         text NOT NULL DEFAULT '',
    metadata            jsonb NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    instance_id         text NOT NULL CONSTRAINT strategy_instances_instance_id_key UNIQUE
);
COMMENT ON TABLE strategy_instances IS
    'A configured strategy; instance_id is the name the engine knows it by';

-- Not unique: one strategy at one tag runs in as many instances as there are configurations.
CREATE INDEX strategy_instances_identifier_tag_idx ON strategy_instances (strategy_identifier, tag);

CREATE TABLE provider_routes (
    id          bigserial PRIMARY KEY,
    provider_id bigint NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
    symbol      text NOT NULL,
    route       jsonb NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    metadata    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider_id, symbol)
);
