# Short names for the commands of the README; `just` itself is optional.

# Build every service, into the one program
build-services:
    cargo build --release

# Start the system and stay until it is stopped
run *ARGUMENTS:
    cargo run --release -- up {{ARGUMENTS}}

# Install what is missing and run everything that must pass
test *ARGUMENTS:
    cargo xtask test {{ARGUMENTS}}

# Measure against the targets and the peers
bench *ARGUMENTS:
    cargo xtask bench {{ARGUMENTS}}

# Hold the rules of structure against the code
check:
    cargo xtask check
