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

static SiteValue local_value(const Emit *e, const FlowLocal *l) {
    return (SiteValue){.name = e->inst->bound->locals[l->local], .flagged = l->bound, .type = l->type};
}

static SiteValue operand_value(const FlowOperand *o) {
    static const char *const kinds[] = {"value", "loaded", "iterator", "list", "target", "leaving", "entered"};
    const Type *type = o->value ? o->value->type : o->var ? o->var->type : NULL;
    bool is_of_tuple =
        o->kind == FLOW_OPERAND_ITERATOR && type && type->kind == TYPE_TUPLE && type->items[0]->kind != TYPE_PY;
    return (SiteValue){.kind = is_of_tuple ? "items" : kinds[o->kind], .span = o->node->span, .type = type};
}

static const SiteResume *resume_site(Emit *e, const FlowResume *r) {
    SiteResume *site = pool_new(e->pool, SiteResume);
    *site = (SiteResume){.where = flow_wheres[r->where], .span = r->node->span, .result = e->inst->result};
    site->locals = pool_array(e->pool, SiteValue, r->nlocals + 1);
    site->operands = pool_array(e->pool, SiteValue, r->noperands + 1);
    for (size_t i = 0; i < r->nlocals; i++)
        site->locals[site->nlocals++] = local_value(e, &r->locals[i]);
    for (size_t i = 0; i < r->noperands; i++)
        site->operands[site->noperands++] = operand_value(&r->operands[i]);
    return site;
}

static SiteValue written_value(const Emit *e, const FlowLocal *l) {
    return (SiteValue){.name = e->inst->bound->locals[l->local], .flagged = l->flagged, .type = l->type};
}

/* The source comes with a function's first region: when the interpreter comes there its file may be another. */
static const SiteRegion *region_site(Emit *e, const FlowRegion *r) {
    SiteRegion *site = pool_new(e->pool, SiteRegion);
    *site = (SiteRegion){.kind = region_kinds[r->kind], .span = r->node->span, .type = r->type};
    site->locals = pool_array(e->pool, SiteValue, r->nlocals + 1);
    site->written = pool_array(e->pool, SiteValue, r->nwritten + 1);
    for (size_t i = 0; i < r->nlocals; i++)
        site->locals[site->nlocals++] = r->locals[i].local == UINT32_MAX
                                            ? (SiteValue){.name = STR(""), .type = r->locals[i].type}
                                            : local_value(e, &r->locals[i]);
    for (size_t i = 0; i < r->nwritten; i++)
        site->written[site->nwritten++] = written_value(e, &r->written[i]);
    if (!e->inst->func->sent && r->kind != REGION_BOX) {
        e->inst->func->sent = true;
        site->line = e->inst->bound->func->line;
        site->source = e->inst->bound->func->source;
    }
    return site;
}

/* Why there is no way but an error. */
static Str overflow_text(const Emit *e, Str what) {
    bool sized = e->inst->sized || e->inst->outer == EFFECT_COMMITTED; /* or its caller */
    return pool_printf(e->pool, "%.*s, and the call had effects already%s", STR_FMT(what),
                       sized ? ", or results of sized types that Python has not" : "");
}

/* CPython has frames for generator expressions, and before 3.12 for comprehensions. */
static const char *frame_of(const Emit *e, const Node *comprehension) {
    if (comprehension->kind == NODE_Call)
        return "<genexpr>";
    if (e->m->lang->unit->python_minor >= 12)
        return NULL;
    return comprehension->kind == NODE_ListComp  ? "<listcomp>"
           : comprehension->kind == NODE_SetComp ? "<setcomp>"
                                                 : "<dictcomp>";
}

static void add_frames(Emit *e, Site *site, const Node *n) {
    const Node *const *inside = e->inst->bound->inside;
    SiteFrame *frames = NULL;
    size_t cap = 0;
    for (const Node *comprehension = inside[n->id]; comprehension; comprehension = inside[comprehension->id]) {
        const char *name = frame_of(e, comprehension);
        if (name)
            pool_push(e->pool, frames, site->nframes, cap) = (SiteFrame){name, comprehension->span.line};
    }
    site->frames = frames;
}

static bool is_name(const Emit *e, const Node *n) {
    return n->kind == NODE_Name && e->inst->bound->binding[n->id].kind == BIND_GLOBAL;
}

/* Of what is no name nothing is known: it may be for all. */
static SiteHandler handler(Emit *e, const Node *type, bool compiled) {
    bool is_tuple = type && type->kind == NODE_Tuple;
    size_t n = is_tuple ? type->Tuple.elts.len : type != NULL;
    Str *names = pool_array(e->pool, Str, n + 1);
    for (size_t i = 0; i < n; i++) {
        const Node *name = is_tuple ? type->Tuple.elts.at[i] : type;
        if (!is_name(e, name))
            return (SiteHandler){.compiled = false};
        names[i] = bound_mangle(e->pool, e->inst->bound, name->Name.id);
    }
    return (SiteHandler){.names = names, .nnames = n, .compiled = compiled};
}

static void add_handlers(Emit *e, Site *site, const FlowCatch *catch) {
    SiteHandler *handlers = pool_array(e->pool, SiteHandler, catch->n + 1);
    for (size_t i = 0; i < catch->n; i++)
        handlers[i] = handler(e, catch->node->Try.handlers.at[i]->ExceptHandler.type, catch->handlers[i] != NULL);
    site->handlers = handlers;
    site->nhandlers = catch->n;
}

uint32_t emit_site(Emit *e, const FlowOp *op) {
    Lang *lang = e->m->lang;
    bool is_own = op->kind == FLOW_REGION || op->kind == FLOW_ATTRIBUTE || op->kind == FLOW_TEXT;
    const FlowFail *reason = is_own ? op->fail : op->reason;
    Site site = reason->site;
    if (op->kind == FLOW_REGION)
        site.region = region_site(e, op->region);
    if (op->kind == FLOW_CATCH)
        add_handlers(e, &site, op->catch);
    if (op->kind == FLOW_RESUME) {
        Str why = site.text.len ? site.text : STR("a call gave what does not fit its result's type");
        site = (Site){.kind = SITE_RESUME, .text = why, .resume = resume_site(e, op->reason->resume)};
    }
    if (op->kind == FLOW_TRAP && op->trap == JITD_TRAP_REDO)
        site = (Site){.kind = SITE_REDO, .text = site.text};
    else if (op->kind == FLOW_TRAP && site.kind == SITE_OVERFLOW)
        site.text = overflow_text(e, site.text);
    site.line = line_of(e, reason->node);
    add_frames(e, &site, reason->node);
    site.def = e->inst->bound->def_index;
    site.func = e->inst->bound->func_index;
    pool_push(lang->pool, lang->sites, lang->nsites, lang->cap_sites) = site;
    return (uint32_t)lang->nsites - 1;
}
