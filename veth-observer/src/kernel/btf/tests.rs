use super::*;

/// Kinds by number, as include/uapi/linux/btf.h has them.
const INT: u32 = 1;
const PTR: u32 = 2;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const TYPEDEF: u32 = 8;
const CONST: u32 = 10;
const PROTOTYPE: u32 = 13;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;

/// With offsets that hold the width of a bit field too.
const BIT_FIELDS: u32 = 1 << 31;

#[derive(Default)]
struct Builder {
    types: Vec<u32>,
    strings: Vec<u8>,
    count: u32,
}

impl Builder {
    fn string(&mut self, text: &str) -> u32 {
        if self.strings.is_empty() {
            self.strings.push(0);
        }
        if text.is_empty() {
            return 0;
        }
        let at = self.strings.len();
        self.strings.extend(text.bytes().chain([0]));
        u32::try_from(at).unwrap()
    }

    /// Adds a type with lines of a name and numbers behind it, and gives its id.
    fn add(&mut self, kind: u32, name: &str, third: u32, lines: &[(&str, &[u32])]) -> u32 {
        let name = self.string(name);
        let info = (kind & BIT_FIELDS) | (kind & 0x1f) << 24 | u32::try_from(lines.len()).unwrap();
        self.types.extend([name, info, third]);
        for (name, numbers) in lines {
            let name = self.string(name);
            self.types.push(name);
            self.types.extend(*numbers);
        }
        self.count += 1;
        self.count
    }

    fn int(&mut self) -> u32 {
        let id = self.add(INT, "int", 4, &[]);
        self.types.push(32);
        id
    }

    fn blob(&self) -> Vec<u8> {
        let types: Vec<u8> = self.types.iter().flat_map(|number| number.to_le_bytes()).collect();
        let (types_len, strings_len) =
            (u32::try_from(types.len()).unwrap(), u32::try_from(self.strings.len()).unwrap());
        let header = [0x0001_eb9f, 24, 0, types_len, types_len, strings_len];
        let header: Vec<u8> = header.iter().flat_map(|number| number.to_le_bytes()).collect();
        [header, types, self.strings.clone()].concat()
    }

    fn btf(&self) -> Btf {
        Btf::parse(self.blob()).unwrap()
    }
}

/// A structure with everything that a path may lead through, two enumerations and a tracepoint.
fn specimen() -> Builder {
    let mut build = Builder::default();
    let int = build.int();
    let net = build.add(STRUCT, "net", 16, &[("cookie", &[int, 64])]);
    let pointer = build.add(PTR, "", net, &[]);
    let holder = build.add(STRUCT, "", 8, &[("net", &[pointer, 0])]);
    let possible = build.add(TYPEDEF, "possible_net_t", holder, &[]);
    let tagged = build.add(TYPE_TAG, "rcu", possible, &[]);
    let constant = build.add(CONST, "", tagged, &[]);
    let inner = build.add(STRUCT, "", 24, &[("next", &[int, 0]), ("dev", &[int, 128])]);
    let alike = build.add(UNION, "", 24, &[("", &[inner, 0]), ("node", &[int, 0])]);
    let outer = [("first", &[int, 0][..]), ("", &[alike, 64]), ("nd_net", &[constant, 256])];
    build.add(STRUCT, "outer", 40, &outer);
    let fields = [("flag", &[int, 3 | 1 << 24][..]), ("odd", &[int, 3]), ("whole", &[int, 32])];
    build.add(STRUCT | BIT_FIELDS, "fields", 8, &fields);
    build.add(
        ENUM,
        "some_reason",
        4,
        &[("SOME_REASON_ONE", &[1]), ("NOT_YET", &[0]), ("SOME_REASON_MASK", &[0xffff_0000])],
    );
    build.add(ENUM64, "wide", 8, &[("WIDE_LOW", &[7, 0]), ("WIDE_HIGH", &[7, 1])]);
    let prototype = build.add(PROTOTYPE, "", 0, &[("", &[pointer]), ("", &[pointer]), ("", &[int])]);
    let function = build.add(PTR, "", prototype, &[]);
    build.add(TYPEDEF, "btf_trace_event", function, &[]);
    build.add(TYPEDEF, "btf_trace_wrong", int, &[]);
    build
}

#[test]
fn members_are_found_by_path_through_anonymous_ones_and_typedefs() {
    let btf = specimen().btf();
    assert_eq!(btf.offset("outer", &["first"]), Some(0));
    assert_eq!(btf.offset("outer", &["dev"]), Some(24));
    assert_eq!(btf.offset("outer", &["node"]), Some(8));
    assert_eq!(btf.offset("outer", &["nd_net"]), Some(32));
    assert_eq!(btf.offset("outer", &["nd_net", "net"]), Some(32));
    assert_eq!(btf.offset("net", &["cookie"]), Some(8));
}

#[test]
fn what_is_not_there_has_no_offset() {
    let btf = specimen().btf();
    assert_eq!(btf.offset("outer", &["second"]), None);
    assert_eq!(btf.offset("outer", &[]), None);
    assert_eq!(btf.offset("nobody", &["first"]), None);
    assert_eq!(btf.offset("possible_net_t", &["net"]), None, "a typedef is no structure");
    assert_eq!(btf.offset("outer", &["nd_net", "net", "cookie"]), None, "a pointer is not followed");
    assert_eq!(btf.offset("outer", &["first", "x"]), None);
}

#[test]
fn bit_fields_have_no_offset_in_bytes() {
    let btf = specimen().btf();
    assert_eq!(btf.offset("fields", &["flag"]), None);
    assert_eq!(btf.offset("fields", &["odd"]), None);
    assert_eq!(btf.offset("fields", &["whole"]), Some(4));
}

#[test]
fn enumerators_lose_the_name_of_their_enumeration() {
    let btf = specimen().btf();
    let names = |values: &[(u32, &str)]| -> BTreeMap<u32, String> {
        values.iter().map(|(value, name)| (*value, (*name).to_owned())).collect()
    };
    let expected = names(&[(0, "NOT_YET"), (1, "ONE"), (0xffff_0000, "MASK")]);
    assert_eq!(btf.enumerators("some_reason"), expected);
    assert_eq!(btf.enumerators("wide"), names(&[(7, "LOW")]), "what does not fit is left out");
    assert_eq!(btf.enumerators("net"), BTreeMap::new());
}

#[test]
fn arguments_of_a_tracepoint_do_not_count_its_private_data() {
    let btf = specimen().btf();
    assert_eq!(btf.tracepoint_args("event"), Some(2));
    assert_eq!(btf.tracepoint_args("wrong"), None);
    assert_eq!(btf.tracepoint_args("nothing"), None);
}

/// Asks everything that can be asked.
fn interrogate(bytes: Vec<u8>) {
    let Ok(btf) = Btf::parse(bytes) else { return };
    for name in ["outer", "net", "fields", "wide", "some_reason", ""] {
        for path in [&["first"][..], &["dev"], &["nd_net", "net", "cookie"], &["flag"], &["nowhere"]] {
            btf.offset(name, path);
        }
        btf.enumerators(name);
    }
    for name in ["event", "wrong", ""] {
        btf.tracepoint_args(name);
    }
}

#[test]
fn a_truncated_blob_is_refused_or_answers() {
    let whole = specimen().blob();
    for len in 0..whole.len() {
        assert!(Btf::parse(whole[..len].to_vec()).is_err(), "{len} of {} bytes", whole.len());
    }
}

#[test]
fn no_flipped_bit_and_no_odd_byte_makes_it_panic() {
    let whole = specimen().blob();
    for at in 0..whole.len() {
        for flip in (0..8).map(|bit| 1 << bit).chain([0xff]) {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            interrogate(bytes);
        }
    }
}

#[test]
fn no_noise_makes_it_panic() {
    let whole = specimen().blob();
    // xorshift, so that a failure can be repeated.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    for _ in 0..3000 {
        let mut bytes = whole.clone();
        for _ in 0..=random() % 8 {
            let at = random() % bytes.len();
            bytes[at] = u8::try_from(random() % 256).unwrap();
        }
        interrogate(bytes);
    }
}

#[test]
fn a_structure_that_contains_itself_without_a_name_comes_to_an_end() {
    let mut build = Builder::default();
    build.add(STRUCT, "loop", 8, &[("", &[1, 0]), ("", &[1, 0])]);
    build.add(TYPEDEF, "btf_trace_loop", 2, &[]);
    let btf = build.btf();
    assert_eq!(btf.offset("loop", &["x"]), None);
    assert_eq!(btf.tracepoint_args("loop"), None);
}

#[test]
fn other_formats_are_refused_with_a_reason() {
    let refused = |bytes: Vec<u8>| Btf::parse(bytes).err().unwrap().to_string();
    assert_eq!(refused(Vec::new()), "shorter than a header");
    let mut swapped = specimen().blob();
    swapped.swap(0, 1);
    assert_eq!(refused(swapped), "no BTF of this byte order");
    let mut newer = specimen().blob();
    newer[2] = 2;
    assert_eq!(refused(newer), "BTF of version 2");
    let mut kind = specimen().blob();
    kind[24 + 7] = 31;
    assert_eq!(refused(kind), "a type of the unknown kind 31");
}
