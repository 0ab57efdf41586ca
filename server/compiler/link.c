/* The linker: relocatable ELF64 objects in, one block of position-independent bytes out; see link.h.
 *
 * Code generation (codegen.c) is told to reach everything outside the module through the GOT and everything inside
 * directly, so three kinds of relocation remain: PC32 and PLT32 inside the block, solved here, and GOTPCREL* to an
 * import. The import table that every client maps in front of the code is that GOT, so such a place becomes a Fixup: the
 * distance to the import's slot, which the broker knows when it has placed the image. Nothing is ever relocated in a client.
 *
 * The object comes from LLVM in this process, but the reader checks every offset: it is the last one to look at it before
 * the bytes are executed, and it is fuzzed. */
#include "server/compiler/link.h"
#include "protocol/abi.h"
#include <elf.h>

typedef struct Link {
    Pool *pool;
    Str object; /* the one at hand; all up to `place` is of it, the rest of all */
    Elf64_Ehdr head;
    Elf64_Shdr *sections;
    Str names;            /* of the sections */
    Str symbols, strings; /* the symbol table (Elf64_Sym each) and its names */
    uint32_t *place;      /* of each section: its offset in the code, or NOT_PLACED */
    char *code;
    size_t size;
    Linked out;
    size_t fixups_cap, symbols_cap;
    Str error;
} Link;

#define NOT_PLACED UINT32_MAX

static __attribute__((format(printf, 2, 3))) void link_say(Link *l, const char *format, ...) {
    va_list args;
    va_start(args, format);
    l->error = pool_vprintf(l->pool, format, args);
    va_end(args);
}

#define link_bad(l, ...) (link_say((l), __VA_ARGS__), false)

static bool link_range(Str all, uint64_t offset, uint64_t size, Str *ret) {
    if (offset > all.len || size > all.len - offset)
        return false;
    *ret = (Str){all.ptr + offset, size};
    return true;
}

/* The NUL-terminated string at `offset` of a string table. */
static bool link_string(Str table, uint64_t offset, Str *ret) {
    if (offset >= table.len)
        return false;
    size_t n = strnlen(table.ptr + offset, table.len - offset);
    *ret = (Str){table.ptr + offset, n};
    return n < table.len - offset;
}

static const char *link_machine_name(uint16_t machine) {
    return machine == EM_AARCH64 ? "aarch64" : "this machine's architecture";
}

static bool link_read_head(Link *l) {
    if (l->object.len < sizeof l->head)
        return link_bad(l, "the object is too short");
    memcpy(&l->head, l->object.ptr, sizeof l->head);
    const Elf64_Ehdr *h = &l->head;
    if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS64 ||
        h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_type != ET_REL)
        return link_bad(l, "not a relocatable 64-bit ELF object");
    if (h->e_machine != EM_X86_64)
        return link_bad(l, "linking for %s is not supported", link_machine_name(h->e_machine));
    return true;
}

/* The bytes of a section that has some in the object. */
static bool link_section_bytes(Link *l, size_t i, Str *ret) {
    const Elf64_Shdr *s = &l->sections[i];
    return link_range(l->object, s->sh_offset, s->sh_size, ret) ||
           link_bad(l, "section %zu lies outside the object", i);
}

static bool link_read_sections(Link *l) {
    size_t n = l->head.e_shnum;
    Str bytes;
    if (n == 0 || l->head.e_shentsize != sizeof(Elf64_Shdr) || l->head.e_shstrndx >= n ||
        !link_range(l->object, l->head.e_shoff, n * sizeof(Elf64_Shdr), &bytes))
        return link_bad(l, "malformed section table");
    l->sections = pool_array(l->pool, Elf64_Shdr, n);
    memcpy(l->sections, bytes.ptr, bytes.len);
    return link_section_bytes(l, l->head.e_shstrndx, &l->names);
}

static bool link_section_name(Link *l, size_t i, Str *ret) {
    return link_string(l->names, l->sections[i].sh_name, ret) || link_bad(l, "section %zu has no name", i);
}

static bool link_find_symbols(Link *l) {
    for (size_t i = 0; i < l->head.e_shnum; i++) {
        const Elf64_Shdr *s = &l->sections[i];
        if (s->sh_type != SHT_SYMTAB)
            continue;
        if (s->sh_entsize != sizeof(Elf64_Sym) || s->sh_size % sizeof(Elf64_Sym) != 0 || s->sh_link >= l->head.e_shnum)
            return link_bad(l, "malformed symbol table");
        return link_section_bytes(l, i, &l->symbols) && link_section_bytes(l, s->sh_link, &l->strings);
    }
    return link_bad(l, "the object has no symbol table");
}

static size_t link_nsymbols(const Link *l) {
    return l->symbols.len / sizeof(Elf64_Sym);
}

static Elf64_Sym link_symbol(const Link *l, size_t i) {
    Elf64_Sym s;
    memcpy(&s, l->symbols.ptr + i * sizeof s, sizeof s);
    return s;
}

/* Whether the image must hold this section; only code and read-only data can be had. */
static bool link_wanted(Link *l, size_t i, bool *ret_wanted) {
    const Elf64_Shdr *s = &l->sections[i];
    Str name;
    *ret_wanted = false;
    if (!(s->sh_flags & SHF_ALLOC) || s->sh_size == 0)
        return true;
    if (!link_section_name(l, i, &name))
        return false;
    if (str_eq_c(name, ".eh_frame")) /* nothing unwinds through compiled code */
        return true;
    if ((s->sh_flags & (SHF_WRITE | SHF_TLS)) || s->sh_type != SHT_PROGBITS)
        return link_bad(l, "section %.*s: an image has no data but constants", STR_FMT(name));
    *ret_wanted = true;
    return true;
}

static bool link_place_section(Link *l, size_t i) {
    const Elf64_Shdr *s = &l->sections[i];
    uint64_t align = s->sh_addralign ? s->sh_addralign : 1;
    Str bytes;
    if (align > LINK_ALIGN || (align & (align - 1)))
        return link_bad(l, "section %zu has the alignment %llu", i, (unsigned long long)align);
    if (!link_section_bytes(l, i, &bytes))
        return false;
    size_t at = (l->size + align - 1) & ~(align - 1);
    if (bytes.len > LINK_MAX_SIZE || at + bytes.len > LINK_MAX_SIZE)
        return link_bad(l, "the code is larger than %zu MiB", LINK_MAX_SIZE >> 20);
    l->place[i] = (uint32_t)at;
    l->size = at + bytes.len;
    return true;
}

/* Places the executable sections, or those that are not. */
static bool link_place_sections(Link *l, bool executable) {
    for (size_t i = 0; i < l->head.e_shnum; i++) {
        bool wanted;
        if (!link_wanted(l, i, &wanted))
            return false;
        if (wanted && executable == !!(l->sections[i].sh_flags & SHF_EXECINSTR) && !link_place_section(l, i))
            return false;
    }
    return true;
}

static void link_align(Link *l) {
    l->size = (l->size + LINK_ALIGN - 1) & ~(size_t)(LINK_ALIGN - 1);
}

/* Makes the code `l->size` bytes long. */
static void link_grow(Link *l, size_t old) {
    char *code = pool_alloc(l->pool, l->size);
    if (old)
        memcpy(code, l->code, old);
    l->code = code;
}

/* Behind what there is. Code and data do not share a cache line. */
static bool link_layout(Link *l) {
    size_t old = l->size;
    l->place = pool_array(l->pool, uint32_t, l->head.e_shnum);
    memset(l->place, 0xff, l->head.e_shnum * sizeof *l->place);
    link_align(l);
    if (!link_place_sections(l, true))
        return false;
    link_align(l);
    if (!link_place_sections(l, false))
        return false;
    link_grow(l, old);
    for (size_t i = 0; i < l->head.e_shnum; i++) {
        Str bytes;
        if (l->place[i] == NOT_PLACED)
            continue;
        if (!link_section_bytes(l, i, &bytes))
            return false;
        memcpy(l->code + l->place[i], bytes.ptr, bytes.len);
    }
    return true;
}

static bool link_symbol_name(Link *l, const Elf64_Sym *s, Str *ret) {
    return link_string(l->strings, s->st_name, ret) || link_bad(l, "a symbol has no name");
}

/* Where a symbol that the object defines is in the code. */
static bool link_symbol_place(Link *l, const Elf64_Sym *s, int64_t *ret) {
    if (s->st_shndx < l->head.e_shnum && l->place[s->st_shndx] != NOT_PLACED &&
        s->st_value <= l->sections[s->st_shndx].sh_size) {
        *ret = (int64_t)l->place[s->st_shndx] + (int64_t)s->st_value;
        return true;
    }
    Str name = STR("?");
    link_string(l->strings, s->st_name, &name);
    return link_bad(l, "symbol %.*s is not in the image", STR_FMT(name));
}

static const char *const import_names[] = {
#define IMPORT(name, ret, args) #name,
#include "protocol/imports.def"
#undef IMPORT
};

/* jitd_import_NAME is import NAME. LLVM also calls libm and libc by their own names. */
static bool link_import(Str name, uint32_t *ret) {
    static const Str prefix = {"jitd_import_", 12};
    bool ours = str_eq(str_slice(name, 0, prefix.len), prefix);
    Str plain = ours ? str_slice(name, prefix.len, name.len) : name;
    for (uint32_t i = ours ? 0 : JITD_IMPORT_sin; i < JITD_N_IMPORTS; i++)
        if (str_eq_c(plain, import_names[i])) {
            *ret = i;
            return true;
        }
    return false;
}

static bool link_fixup(Link *l, const Elf64_Sym *s, uint32_t at, int64_t addend) {
    Str name;
    Fixup f = {.offset = at, .addend = (int32_t)addend};
    if (!link_symbol_name(l, s, &name))
        return false;
    if (s->st_shndx != SHN_UNDEF)
        return link_bad(l, "symbol %.*s is reached through the GOT, but it is in the image", STR_FMT(name));
    if (!link_import(name, &f.import))
        return link_bad(l, "function %.*s is no import", STR_FMT(name));
    if (addend != f.addend)
        return link_bad(l, "an addend has more than 32 bits");
    pool_push(l->pool, l->out.fixups, l->out.nfixups, l->fixups_cap) = f;
    return true;
}

/* Where a symbol is that an object before this one has. */
static bool link_symbol_before(Link *l, const Elf64_Sym *s, int64_t *ret) {
    uint32_t at;
    Str name;
    if (!link_symbol_name(l, s, &name))
        return false;
    if (!link_find(&l->out, name, &at))
        return link_bad(l, "symbol %.*s is neither in the image nor reached through the import table", STR_FMT(name));
    *ret = at;
    return true;
}

static bool link_relative(Link *l, const Elf64_Sym *s, uint32_t at, int64_t addend) {
    int64_t target, distance;
    bool found = s->st_shndx == SHN_UNDEF ? link_symbol_before(l, s, &target) : link_symbol_place(l, s, &target);
    if (!found)
        return false;
    if (__builtin_add_overflow(target - (int64_t)at, addend, &distance) || distance != (int32_t)distance)
        return link_bad(l, "a distance has more than 32 bits");
    memcpy(l->code + at, &(int32_t){(int32_t)distance}, 4);
    return true;
}

static bool link_relocate_one(Link *l, size_t section, const Elf64_Rela *r) {
    uint64_t size = l->sections[section].sh_size;
    uint32_t type = ELF64_R_TYPE(r->r_info);
    if (size < 4 || r->r_offset > size - 4 || ELF64_R_SYM(r->r_info) >= link_nsymbols(l))
        return link_bad(l, "a relocation lies outside its section");
    Elf64_Sym s = link_symbol(l, ELF64_R_SYM(r->r_info));
    uint32_t at = l->place[section] + (uint32_t)r->r_offset;
    switch (type) {
    case R_X86_64_PC32:
    case R_X86_64_PLT32:
        return link_relative(l, &s, at, r->r_addend);
    case R_X86_64_GOTPCREL:
    case R_X86_64_GOTPCRELX:
    case R_X86_64_REX_GOTPCRELX:
        return link_fixup(l, &s, at, r->r_addend);
    default:
        return link_bad(l, "relocation of type %u: only PC-relative ones can be had", type);
    }
}

static bool link_relocate_section(Link *l, size_t i) {
    const Elf64_Shdr *s = &l->sections[i];
    Str bytes;
    if (s->sh_info >= l->head.e_shnum)
        return link_bad(l, "relocations for no section");
    if (l->place[s->sh_info] == NOT_PLACED)
        return true;
    if (s->sh_entsize != sizeof(Elf64_Rela) || s->sh_size % sizeof(Elf64_Rela) != 0)
        return link_bad(l, "malformed relocations");
    if (!link_section_bytes(l, i, &bytes))
        return false;
    for (size_t at = 0; at < bytes.len; at += sizeof(Elf64_Rela)) {
        Elf64_Rela r;
        memcpy(&r, bytes.ptr + at, sizeof r);
        if (!link_relocate_one(l, s->sh_info, &r))
            return false;
    }
    return true;
}

static bool link_relocate(Link *l) {
    for (size_t i = 0; i < l->head.e_shnum; i++) {
        uint32_t type = l->sections[i].sh_type;
        if (type == SHT_REL)
            return link_bad(l, "relocations without addends");
        if (type == SHT_RELA && !link_relocate_section(l, i))
            return false;
    }
    return true;
}

static bool link_collect_symbols(Link *l) {
    for (size_t i = 0; i < link_nsymbols(l); i++) {
        Elf64_Sym s = link_symbol(l, i);
        LinkSymbol out;
        int64_t at;
        if (ELF64_ST_BIND(s.st_info) != STB_GLOBAL || s.st_shndx == SHN_UNDEF)
            continue;
        if (!link_symbol_name(l, &s, &out.name) || !link_symbol_place(l, &s, &at))
            return false;
        out.name = pool_strdup(l->pool, out.name);
        out.offset = (uint32_t)at;
        pool_push(l->pool, l->out.symbols, l->out.nsymbols, l->symbols_cap) = out;
    }
    return true;
}

static bool link_object(Link *l, Str object) {
    l->object = object;
    return link_read_head(l) && link_read_sections(l) && link_find_symbols(l) && link_layout(l) && link_relocate(l) &&
           link_collect_symbols(l);
}

int link_objects(Pool *pool, const Str *objects, size_t n, Linked *ret_linked, Str *ret_error) {
    Link l = {.pool = pool};
    for (size_t i = 0; i < n; i++)
        if (!link_object(&l, objects[i])) {
            *ret_error = l.error;
            return 1;
        }
    *ret_linked = l.out;
    ret_linked->code = (Str){l.code, l.size};
    return 0;
}

bool link_find(const Linked *linked, Str name, uint32_t *ret_offset) {
    for (size_t i = 0; i < linked->nsymbols; i++)
        if (str_eq(linked->symbols[i].name, name)) {
            *ret_offset = linked->symbols[i].offset;
            return true;
        }
    return false;
}
