fn main() -> std::process::ExitCode {
    veth_observer::cli::main()
}
