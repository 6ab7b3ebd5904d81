//! Stories told to the real binary over real sockets.

mod arrows;
mod commands;
mod contract_holds;
mod contract_http;
mod contract_line;
mod contract_money;
mod contract_operators;
mod contract_payments;
mod contract_seats;
mod contract_users;
mod crashes;
mod demo;
mod document;
mod gate;
mod instances;
mod process;
mod races;
mod refusals;
mod replay;
mod seed_000;
mod seed_001;
mod seed_002;
mod seed_003;
mod seed_004;
mod settings;
mod shoppers;
