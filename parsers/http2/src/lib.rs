//! HTTP/2 as a keploy parser.
