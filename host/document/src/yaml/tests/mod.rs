mod damaged;
mod edited;
mod emitted;
mod parsed;
mod seed;
