/* What this compiler is, so that what another one made is never taken for its work: the build ID that the linker put into the
 * program (a hash of all its bytes), and what codegen.c says about LLVM and the machine. */
#include "server/compiler/back.h"
#include "server/compiler/codegen.h"
#include "server/compiler/compiler.h"
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>

extern const Elf64_Ehdr __ehdr_start
    __attribute__((weak, visibility("hidden"))); /* the linker's: this program's first byte */

static char *identity;

static size_t identity_align(size_t n) {
    return (n + 3) & ~(size_t)3;
}

/* The GNU build ID among the notes; NULL: not here. */
static const uint8_t *identity_in_notes(const char *at, size_t size, uint32_t *ret_size) {
    while (size >= sizeof(Elf64_Nhdr)) {
        const Elf64_Nhdr *note = (const Elf64_Nhdr *)at;
        size_t name = identity_align(note->n_namesz), all = sizeof *note + name + identity_align(note->n_descsz);
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(note + 1, "GNU", 4) == 0) {
            *ret_size = note->n_descsz;
            return (const uint8_t *)(note + 1) + name;
        }
        if (all > size)
            return NULL;
        at += all;
        size -= all;
    }
    return NULL;
}

static const uint8_t *identity_build(uint32_t *ret_size) {
    const char *base = (const char *)&__ehdr_start;
    const Elf64_Phdr *p = (const Elf64_Phdr *)(base + __ehdr_start.e_phoff);
    for (int i = 0; i < __ehdr_start.e_phnum; i++) {
        const uint8_t *id =
            p[i].p_type == PT_NOTE ? identity_in_notes(base + p[i].p_vaddr, p[i].p_memsz, ret_size) : NULL;
        if (id)
            return id;
    }
    return NULL;
}

static char *identity_make(void) {
    char hex[129] = "without build ID";
    uint32_t n = 0;
    const uint8_t *id = identity_build(&n);
    for (uint32_t i = 0; id && i < n && i < 64; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    char *text = NULL;
    if (asprintf(&text, "jitd %s, %s", hex, codegen_identity()) < 0)
        abort();
    return text;
}

void compiler_init(void (*fatal)(const char *message)) {
    codegen_init(fatal);
    back_init();
    identity = identity_make();
}

const char *compiler_identity(void) {
    return identity;
}
