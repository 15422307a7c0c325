//! The vDSO with another clock in it.
//!
//! Every process maps the same image, and every process has a copy of its own as soon as something is written to it. No code
//! of it is moved: wrappers go where the last page has nothing but zeros, and the symbols of the clock functions are pointed
//! at them. So it must happen before the process looks the symbols up: between `exec` and its first instruction.
use std::{arch::global_asm, fs, slice, sync::OnceLock};

use crate::Unsupported;

/// The image that this kernel gives to every process, and what is to be written to it.
pub struct Vdso {
    image: &'static [u8],
    /// Where the wrappers go.
    room: usize,
    /// Where the real functions are.
    gettime: u64,
    timeofday: u64,
    /// Values of symbols: where they are, and what they will be.
    symbols: Vec<(usize, u64)>,
}

impl Vdso {
    /// As this process has it. None: this kernel has none at all.
    pub fn own() -> Result<Option<&'static Self>, Unsupported> {
        static OWN: OnceLock<Result<Option<Vdso>, Refusal>> = OnceLock::new();
        let own = OWN.get_or_init(|| own_image().map(Self::read).transpose());
        own.as_ref().map(Option::as_ref).map_err(|refusal| refusal())
    }

    fn read(image: &'static [u8]) -> Result<Self, Refusal> {
        let elf = Elf { image };
        let named = |names: [&'static [u8]; 2]| elf.symbols().filter(move |(_, name, _)| names.contains(name));
        let real = |names| named(names).map(|(_, _, value)| value).next();
        let (gettime, timeofday) =
            real(GETTIME).zip(real(TIMEOFDAY)).ok_or((|| Unsupported::Vdso("it has no clock functions")) as Refusal)?;
        let room = image.len().saturating_sub(code().len()) & !15;
        if gettime >= room as u64 {
            return Err(|| Unsupported::Taken); // a wrapper: we live by such a clock ourselves
        }
        if !image[room..].iter().all(|byte| *byte == 0) {
            return Err(|| Unsupported::Vdso("its last page has no room"));
        }
        let wrapped = [
            (GETTIME, &raw const wrapper_gettime),
            (TIMEOFDAY, &raw const wrapper_timeofday),
            (TIME, &raw const wrapper_time),
        ];
        let symbols = wrapped.into_iter().flat_map(|(names, wrapper)| {
            let new = (room + label(wrapper)) as u64;
            named(names).map(move |(at, _, _)| (at, new))
        });
        Ok(Self { image, room, gettime, timeofday, symbols: symbols.collect() })
    }

    pub fn image(&self) -> &'static [u8] {
        self.image
    }

    /// The wrappers for a process that has the image at `base`, and where in the image they go. They add `offset`, until the
    /// process has mapped the segment `id`, which [`Vdso::attach`] does, and [`Vdso::page`] is set.
    pub fn wrappers(&self, base: u64, id: i32, offset: i64) -> (u64, Vec<u8>) {
        let mut bytes = code().to_vec();
        let words = [
            (&raw const wrapper_page, self.place(base, &raw const wrapper_own).to_ne_bytes()),
            (&raw const wrapper_real_gettime, (base + self.gettime).to_ne_bytes()),
            (&raw const wrapper_real_timeofday, (base + self.timeofday).to_ne_bytes()),
            (&raw const wrapper_own, offset.to_ne_bytes()),
            (&raw const wrapper_segment, i64::from(id).to_ne_bytes()),
        ];
        for (at, word) in words {
            bytes[label(at)..][..8].copy_from_slice(&word);
        }
        (self.room as u64, bytes)
    }

    /// Where the code is that maps the segment, with the address in `rax` at the breakpoint that ends it.
    pub fn attach(&self, base: u64) -> u64 {
        self.place(base, &raw const wrapper_attach)
    }

    /// Where the address is of the offset that the wrappers add.
    pub fn page(&self, base: u64) -> u64 {
        self.place(base, &raw const wrapper_page)
    }

    fn place(&self, base: u64, at: *const u8) -> u64 {
        base + (self.room + label(at)) as u64
    }

    /// The part of the image with the changed symbols, and where it is.
    pub fn symbols(&self) -> (u64, Vec<u8>) {
        let first = self.symbols.iter().map(|(at, _)| *at).min().unwrap_or(0);
        let last = self.symbols.iter().map(|(at, _)| at + 8).max().unwrap_or(0);
        let mut bytes = self.image[first..last].to_vec();
        for (at, value) in &self.symbols {
            bytes[at - first..][..8].copy_from_slice(&value.to_ne_bytes());
        }
        (first as u64, bytes)
    }
}

type Refusal = fn() -> Unsupported;

const GETTIME: [&[u8]; 2] = [b"__vdso_clock_gettime", b"clock_gettime"];
const TIMEOFDAY: [&[u8]; 2] = [b"__vdso_gettimeofday", b"gettimeofday"];
const TIME: [&[u8]; 2] = [b"__vdso_time", b"time"];

fn own_image() -> Option<&'static [u8]> {
    // The mapping is larger than what the ELF headers in it say.
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let (from, to) = maps.lines().find(|line| line.ends_with("[vdso]"))?.split(' ').next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let (from, to) = (address(from)?, address(to)?);
    // SAFETY: the kernel has mapped it, it is never unmapped, and nobody writes to it.
    Some(unsafe { slice::from_raw_parts(std::ptr::with_exposed_provenance(from), to - from) })
}

/// What little of a 64-bit ELF file there is to understand. The kernel made it: it is well-formed.
struct Elf {
    image: &'static [u8],
}

impl Elf {
    /// Of each dynamic symbol: where its value is, its name, its value.
    fn symbols(&self) -> impl Iterator<Item = (usize, &'static [u8], u64)> {
        const SIZE: usize = 24;
        let (symbols, strings) = (self.dynamic(6), self.dynamic(5)); // DT_SYMTAB, DT_STRTAB, which follows it
        (symbols..strings).step_by(SIZE).map(move |symbol| {
            let name = &self.image[strings + self.word(symbol) as u32 as usize..];
            let end = name.iter().position(|byte| *byte == 0).unwrap_or(0);
            (symbol + 8, &name[..end], self.word(symbol + 8))
        })
    }

    /// The value of an entry of the dynamic section.
    fn dynamic(&self, tag: u64) -> usize {
        let (headers, count) = (self.word(32) as usize, self.image[56]);
        let header = (0..count).map(|n| headers + 56 * usize::from(n)).find(|header| self.word(*header) as u32 == 2);
        let section = header.map_or(0, |header| self.word(header + 8) as usize);
        let entry = (section..).step_by(16).find(|at| [0, tag].contains(&self.word(*at)));
        entry.map_or(0, |at| self.word(at + 8) as usize)
    }

    fn word(&self, at: usize) -> u64 {
        u64::from_ne_bytes(self.image[at..][..8].try_into().expect("eight bytes are eight bytes"))
    }
}

unsafe extern "C" {
    static wrapper_begin: u8;
    static wrapper_page: u8;
    static wrapper_real_gettime: u8;
    static wrapper_real_timeofday: u8;
    static wrapper_own: u8;
    static wrapper_segment: u8;
    static wrapper_gettime: u8;
    static wrapper_timeofday: u8;
    static wrapper_time: u8;
    static wrapper_attach: u8;
    static wrapper_end: u8;
}

/// The wrappers, with the words that they use before them.
fn code() -> &'static [u8] {
    let length = label(&raw const wrapper_end);
    // SAFETY: it is one piece, written below.
    unsafe { slice::from_raw_parts(&raw const wrapper_begin, length) }
}

/// How far into the code it is.
fn label(at: *const u8) -> usize {
    at.addr() - (&raw const wrapper_begin).addr()
}

// Registers as the System V ABI has them: arguments in rdi and rsi, the rest is free. It runs wherever it is copied to.
global_asm!(
    ".pushsection .rodata.keploy_clock, \"a\"",
    // The code that refers to them may be in another object file.
    ".globl wrapper_begin",
    ".hidden wrapper_begin",
    ".globl wrapper_page",
    ".hidden wrapper_page",
    ".globl wrapper_real_gettime",
    ".hidden wrapper_real_gettime",
    ".globl wrapper_real_timeofday",
    ".hidden wrapper_real_timeofday",
    ".globl wrapper_own",
    ".hidden wrapper_own",
    ".globl wrapper_segment",
    ".hidden wrapper_segment",
    ".globl wrapper_gettime",
    ".hidden wrapper_gettime",
    ".globl wrapper_timeofday",
    ".hidden wrapper_timeofday",
    ".globl wrapper_time",
    ".hidden wrapper_time",
    ".globl wrapper_attach",
    ".hidden wrapper_attach",
    ".globl wrapper_end",
    ".hidden wrapper_end",
    ".balign 16",
    "wrapper_begin:",
    "wrapper_page: .quad 0", // the address of the offset in use: seconds << 30 | nanoseconds
    "wrapper_real_gettime: .quad 0", // the addresses of the real functions
    "wrapper_real_timeofday: .quad 0",
    "wrapper_own: .quad 0",     // an offset, for when the page cannot be had
    "wrapper_segment: .quad 0", // the number of the segment that the page is in
    // clock_gettime(clock, timespec)
    "wrapper_gettime:",
    "    cmp edi, 11",
    "    ja 2f",
    "    mov eax, 0x921", // REALTIME 0, REALTIME_COARSE 5, REALTIME_ALARM 8, TAI 11
    "    bt eax, edi",
    "    jnc 2f",
    "    cmp edi, 5", // The coarse clock is up to 4 ms late, and would show the second before
    "    jne 1f",     // the one that the application was moved to: it gets the fine one.
    "    xor edi, edi",
    "1:  push rsi",
    "    call [rip + wrapper_real_gettime]",
    "    pop rsi",
    "    test eax, eax",
    "    jnz 4f",
    "    mov rcx, [rip + wrapper_page]",
    "    mov rcx, [rcx]",
    "    mov edx, ecx",
    "    and edx, 0x3fffffff",
    "    sar rcx, 30",
    "    add rdx, [rsi + 8]",
    "    add rcx, [rsi]",
    "    cmp rdx, 1000000000",
    "    jb 3f",
    "    sub rdx, 1000000000",
    "    inc rcx",
    "3:  mov [rsi], rcx",
    "    mov [rsi + 8], rdx",
    "4:  ret",
    "2:  jmp [rip + wrapper_real_gettime]",
    // gettimeofday(timeval or null, zone or null)
    "wrapper_timeofday:",
    "    push rsi",
    "    push rdi",
    "    sub rsp, 24",
    "    test rdi, rdi",
    "    jz 1f",
    "    xor edi, edi",
    "    mov rsi, rsp",
    "    call wrapper_gettime",
    "    mov rdi, [rsp + 24]",
    "    mov rax, [rsp]",
    "    mov [rdi], rax",
    "    mov rax, [rsp + 8]",
    "    imul rax, rax, 274877907", // 2^38 / 1000, rounded up: exact for everything below a second
    "    shr rax, 38",
    "    mov [rdi + 8], rax",
    "1:  add rsp, 24",
    "    pop rdi",
    "    pop rsi",
    "    test rsi, rsi",
    "    jz 2f",
    "    xor edi, edi",
    "    jmp [rip + wrapper_real_timeofday]",
    "2:  xor eax, eax",
    "    ret",
    // time(time_t or null)
    "wrapper_time:",
    "    push rdi",
    "    sub rsp, 16",
    "    xor edi, edi",
    "    mov rsi, rsp",
    "    call wrapper_gettime",
    "    mov rax, [rsp]",
    "    add rsp, 16",
    "    pop rdi",
    "    test rdi, rdi",
    "    jz 1f",
    "    mov [rdi], rax",
    "1:  ret",
    // rax = shmat(segment, wherever there is room, SHM_RDONLY), before the program's first instruction
    "wrapper_attach:",
    "    mov eax, 30",
    "    mov rdi, [rip + wrapper_segment]",
    "    xor esi, esi",
    "    mov edx, 0x1000",
    "    syscall",
    "    int3",
    "wrapper_end:",
    ".popsection",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_image_is_understood_and_has_room() {
        let vdso = Vdso::own().expect("as expected").expect("there is one");
        assert_eq!(vdso.symbols.len(), 6, "three functions with two names each");
        assert!(vdso.room + code().len() <= vdso.image.len());
        let (at, bytes) = vdso.symbols();
        let at = at as usize;
        let changed = bytes.iter().zip(&vdso.image[at..]).filter(|(new, old)| new != old).count();
        assert!((6..=6 * 8).contains(&changed), "{changed} bytes");
    }
}
