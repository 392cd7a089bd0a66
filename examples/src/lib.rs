//! Drivers as library modules.
