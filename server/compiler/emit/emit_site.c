/* Emit, sites: the rows of the site table, which say where a trap is in the source and what is to be raised. */
#include "server/compiler/emit/emit.h"

/* Is the line of a call that of the attribute that is called? CPython 3.11 changed which are. */
static bool is_method_call(const Emit *e, const Node *n) {
    if (n->kind != NODE_Call || n->Call.func->kind != NODE_Attribute)
        return false;
    bool of_module = !e->inst->info[n->Call.func->Attribute.value->id].live;
    return e->m->lang->unit->python_minor < 11 ? !n->Call.keywords.len : !of_module;
}

/* As in CPython's tracebacks: an attribute over several lines is where its name ends. */
static int line_of(const Emit *e, const Node *n) {
    if (is_method_call(e, n))
        n = n->Call.func;
    return n->kind == NODE_Attribute ? n->span.end_line : n->span.line;
}

uint32_t emit_site(Emit *e, const FlowOp *op) {
    Lang *lang = e->m->lang;
    Site site = op->reason->site;
    if (op->kind == FLOW_TRAP && op->trap == JITD_TRAP_REDO)
        site = (Site){.kind = SITE_REDO, .text = site.text};
    site.line = line_of(e, op->reason->node);
    site.def = e->inst->bound->def_index;
    site.func = e->inst->bound->func_index;
    pool_push(lang->pool, lang->sites, lang->nsites, lang->cap_sites) = site;
    return (uint32_t)lang->nsites - 1;
}
