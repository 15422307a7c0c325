mod damaged;
mod emitted;
mod parsed;
mod seed;
