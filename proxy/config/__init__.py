"""The configuration file: its keys, their defaults, what is wrong with one."""

from proxy.config.fault import ConfigError
from proxy.config.fleet import FleetConfig
from proxy.config.load import load_config, load_proxy
from proxy.config.model import (
    Config,
    DifficultyConfig,
    ExtranonceConfig,
    LedgerConfig,
    LimitsConfig,
    ListenerConfig,
    ProxyConfig,
    RouteConfig,
    SiteConfig,
)
from proxy.config.power import PowerConfig, SignalConfig
from proxy.config.secret import Secret
from proxy.config.sources import NodeConfig, PoolConfig

__all__ = [
    "Config",
    "ConfigError",
    "DifficultyConfig",
    "ExtranonceConfig",
    "FleetConfig",
    "LedgerConfig",
    "LimitsConfig",
    "ListenerConfig",
    "NodeConfig",
    "PoolConfig",
    "PowerConfig",
    "ProxyConfig",
    "RouteConfig",
    "Secret",
    "SignalConfig",
    "SiteConfig",
    "load_config",
    "load_proxy",
]
