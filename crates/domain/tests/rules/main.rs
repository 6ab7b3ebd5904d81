//! The rules, tried out on a small world of plain tables.

#[cfg(test)]
mod batches;
#[cfg(test)]
mod books;
#[cfg(test)]
mod boundaries;
#[cfg(test)]
mod effects;
#[cfg(test)]
mod order;
#[cfg(test)]
mod programme;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod world;
