DROP TABLE provider_routes;
DROP TABLE strategy_instances;
DROP TABLE providers;
