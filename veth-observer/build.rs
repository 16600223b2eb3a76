fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    println!("cargo::rerun-if-changed=../veth-observer-ebpf/prebuilt/programs.o");
    std::fs::copy("../veth-observer-ebpf/prebuilt/programs.o", format!("{out}/programs.o")).unwrap();
    println!("cargo::rustc-env=VETH_OBSERVER_OBJECT_HASH=dev");
}
