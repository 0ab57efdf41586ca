/* Infer, statements: the flow of types and effects through a function's body. */
#include "server/compiler/infer.h"

/* A statement whose expression never gets a value (a call that always raises) ends its path. */
static void infer_stmt_guarded(Infer *in, const Node *n) {
    jmp_buf bottom, *outer = in->bottom;
    LoopState *loop = in->loop;
    TryState *tries = in->tries;
    in->bottom = &bottom;
    if (setjmp(bottom) == 0)
        infer_stmt(in, n);
    else
        in->env.dead = true;
    in->loop = loop;
    in->tries = tries;
    in->bottom = outer;
}

void infer_body(Infer *in, Nodes body) {
    for (size_t i = 0; i < body.len && !in->env.dead; i++) {
        in->info[body.at[i]->id].live = true;
        if (!in->loop)
            in->from = bound_place(body.at[i]->span.line, body.at[i]->span.col);
        infer_stmt_guarded(in, body.at[i]);
    }
}

/* CPython 3.11 stores to such a name in another order than any other version (its optimiser drops a swap). */
static void check_once(Infer *in, Nodes elts) {
    for (size_t i = 0; in->lang->unit->python_minor == 11 && i < elts.len; i++)
        for (size_t k = 0; k < i; k++)
            if (elts.at[i]->kind == NODE_Name && elts.at[k]->kind == NODE_Name &&
                str_eq(elts.at[i]->Name.id, elts.at[k]->Name.id))
                fail(in->c, elts.at[i]->span, "one name twice among the targets of an assignment is not compiled");
}

/* All items are looked at before the first is stored. */
static void infer_object_unpack(Infer *in, const Node *target, Nodes elts, const Type *type) {
    if (!effect_can_resume(in))
        fail(in->c, target->span, "an object is unpacked only where Python can go on");
    infer_mark(in, target);
    in->lists = in->inst->python = in->inst->manages = true;
    const Type *item = type_is_list(type) && type_is_seen(type->items[0]) ? type->items[0] : &type_py;
    for (size_t i = 0; i < elts.len; i++) {
        if (elts.at[i]->kind == NODE_Tuple || elts.at[i]->kind == NODE_List || elts.at[i]->kind == NODE_Starred)
            fail(in->c, elts.at[i]->span, "an object is unpacked into names and fields only");
        infer_target(in, elts.at[i], item);
    }
}

static void infer_unpack(Infer *in, const Node *target, const Type *type) {
    Nodes elts = target->kind == NODE_Tuple ? target->Tuple.elts : target->List.elts;
    check_once(in, elts);
    if (type->kind == TYPE_PY) {
        infer_object_unpack(in, target, elts, type);
        return;
    }
    if (type->kind != TYPE_TUPLE || type->optional)
        fail(in->c, target->span, "cannot unpack %s", type_words(in, type));
    if (type->nitems != elts.len)
        fail(in->c, target->span, "cannot unpack %zu values into %zu targets", type->nitems, elts.len);
    for (size_t i = 0; i < elts.len; i++)
        infer_target(in, elts.at[i], type->items[i]);
}

static void infer_store_attribute(Infer *in, const Node *target, const Type *type) {
    in->info[target->id].type = type; /* what a setter takes */
    const MemberInfo *m = infer_member(in, target, true);
    const Node *base = target->Attribute.value;
    if (m->kind == MEMBER_PROPERTY) {
        infer_callee(in, target, m->callee, base, false);
        return;
    }
    const FieldSpec *field = &in->lang->unit->defs[m->def].fields[m->field];
    infer_mark(in, target);
    infer_store_check(in, target, field->type, type);
    in->info[target->id].type = field->type;
    bool is_ref = field->type->kind == TYPE_REF;
    in->inst->manages |= is_ref;
    if (is_own_self(in, base))
        effect_store_self(in, m->field, is_ref);
    else
        effect_commit(in);
}

static void infer_attribute_target(Infer *in, const Node *target, const Type *type) {
    in->info[target->id].live = true;
    infer_store_attribute(in, target, type);
}

/* One of several, or of a loop or an annotation: what may leave its object to the interpreter is refused, which cannot go on from there. */
void infer_target(Infer *in, const Node *target, const Type *type) {
    in->info[target->id].live = true;
    switch (target->kind) {
    case NODE_Name:
        in->info[target->id].type = type;
        env_bind(in, in->bound->binding[target->id].local, type, target->span.line);
        return;
    case NODE_Tuple:
    case NODE_List:
        in->info[target->id].type = type;
        infer_unpack(in, target, type);
        return;
    case NODE_Attribute:
        infer_store_attribute(in, target, type);
        if (!infer_is_steady(in, target->Attribute.value))
            fail(in->c, target->span, "one of several targets is compiled with names and fields in it only");
        return;
    case NODE_Subscript:
        fail(in->c, target->span, "assignment to an item is not compiled yet");
    default:
        fail(in->c, target->span, "this target is not compiled yet");
    }
}

static void infer_augassign(Infer *in, const Node *n) {
    const Node *target = n->AugAssign.target;
    bool is_item = target->kind == NODE_Subscript;
    if (infer_object_augmented(in, n))
        return;
    in->info[target->id].live = true;
    const Type *old = is_item ? infer_list_augmented(in, target) : infer_operand(in, target);
    const Type *value = infer_object_number(in, n->AugAssign.value, infer_operand(in, n->AugAssign.value), old);
    const Type *result = infer_binary(in, n, n->AugAssign.op, target, n->AugAssign.value, old, value);
    in->info[n->id].type = result;
    if (target->kind == NODE_Name) {
        env_bind(in, in->bound->binding[target->id].local, result, n->span.line);
        return;
    }
    if (is_item) {
        infer_list_store(in, target, result);
        return;
    }
    const MemberInfo *m = in->info[target->id].member;
    if (!m || m->kind != MEMBER_FIELD)
        fail(in->c, target->span, "augmented assignment is compiled for locals and fields only");
    const DefSpec *d = &in->lang->unit->defs[m->def];
    const FieldSpec *field = &d->fields[m->field];
    infer_access(in, target, d, true);
    if (field->type->kind == TYPE_REF)
        fail(in->c, n->span, "augmented assignment of a field that holds an instance is not compiled");
    infer_store_check(in, n, field->type, result);
    if (is_own_self(in, target->Attribute.value))
        effect_store_self(in, m->field, field->type->kind == TYPE_REF);
    else
        effect_commit(in);
}

static void infer_if(Infer *in, const Node *n) {
    Env yes, no;
    infer_cond(in, n->If.test, &yes, &no);
    in->env = yes;
    infer_body(in, n->If.body);
    Env after = in->env;
    in->env = no;
    infer_body(in, n->If.orelse);
    env_join(in, &after, &in->env);
    in->env = after;
}

/* One turn: from `head`, through test and body, to what comes back to the head; *ret_exit is what leaves by the test. */
typedef void (*LoopTurn)(Infer *in, const Node *n, Env *ret_exit);

static void while_turn(Infer *in, const Node *n, Env *ret_exit) {
    Env yes;
    infer_cond(in, n->While.test, &yes, ret_exit);
    in->env = yes;
    infer_body(in, n->While.body);
}

/* A setter may never return, where the loop runs at all. */
static void infer_for_target(Infer *in, const Node *target, const Type *type) {
    jmp_buf bottom, *outer = in->bottom;
    in->bottom = &bottom;
    if (setjmp(bottom) == 0)
        infer_target(in, target, type);
    else
        in->env.dead = true;
    in->bottom = outer;
}

static void for_turn(Infer *in, const Node *n, Env *ret_exit) {
    *ret_exit = env_copy(in, &in->env);
    infer_for_target(in, n->For.target, in->info[n->id].type);
    infer_body(in, n->For.body);
}

/* Turns until nothing new comes back to the head. */
static void loop_settle(Infer *in, const Node *n, LoopTurn turn, LoopMemory *memory) {
    LoopState loop, *outer = in->loop;
    Env head = in->env;
    in->loop = &loop;
    for (;;) {
        loop = (LoopState){.on_break = env_dead(), .on_continue = env_dead()};
        in->env = env_copy(in, &head);
        if (in->inst->sized && in->env.effect == EFFECT_UNDO) /* where it polls, the interpreter could not take over */
            effect_commit(in);
        infer_mark(in, n);
        turn(in, n, &memory->exit);
        env_join(in, &in->env, &loop.on_continue);
        Env next = env_copy(in, &head);
        env_join(in, &next, &in->env);
        bool settled = env_equal(in, &next, &head);
        head = next;
        if (settled)
            break;
    }
    in->loop = outer;
    in->inst->loops = true;
    if (loop.inner)
        in->info[n->id].flags |= NODE_POLL_ALWAYS;
    memory->on_break = loop.on_break;
}

/* An outer loop's turns come here again and again, mostly with what was known before: without the memory of it, nested
 * loops would take a number of passes exponential in their depth.
 *
 * What is remembered is test and body, without the `else`: every way out of these is one of
 *   the test that fails          memory->exit
 *   break, continue              this loop's own, as `else` is not a part: memory->on_break; into the head
 *   return                       by its node (Infer.returns, NodeInfo), which stays
 *   raise, a call that never     nothing goes on behind it
 *     returns
 * and all else that they leave (the facts about nodes, the instance's summary) stays and only grows. The `else` is done each
 * time: its jumps are the outer loop's, which begins each turn without any. */
static void infer_loop(Infer *in, const Node *n, LoopTurn turn, Nodes orelse) {
    LoopMemory *memory = &in->memory[n->id];
    if (in->loop)
        in->loop->inner = true;
    if (!memory->seen || !env_equal(in, &memory->before, &in->env)) {
        memory->before = env_copy(in, &in->env);
        memory->seen = false; /* where the test ends the path, it stays so */
        loop_settle(in, n, turn, memory);
        infer_check_worth(in, n);
        memory->seen = true;
    }
    in->env = env_copy(in, &memory->exit);
    infer_body(in, orelse);
    env_join(in, &in->env, &memory->on_break);
}

static const Node *range_call(Infer *in, const Node *iter) {
    if (iter->kind != NODE_Call || iter->Call.func->kind != NODE_Name)
        return NULL;
    const Binding *b = &in->bound->binding[iter->Call.func->id];
    if (b->kind != BIND_GLOBAL || b->global->kind != GLOBAL_BUILTIN || !str_eq_c(b->global->s, "range"))
        return NULL;
    return iter;
}

static const Type *pair(Infer *in, const Type *a, const Type *b) {
    Type *t = pool_new(in->pool, Type);
    *t = (Type){.kind = TYPE_TUPLE, .nitems = 2, .items = pool_array(in->pool, const Type *, 2)};
    t->items[0] = a;
    t->items[1] = b;
    return t;
}

/* enumerate(list), enumerate(list, start), zip(list, list): whether it is that. What it goes over is a pair of these arguments. */
static bool is_pairs(Infer *in, const Node *n, bool *ret_zip) {
    const Node *f = n->kind == NODE_Call ? n->Call.func : NULL;
    const Binding *b = f && f->kind == NODE_Name ? &in->bound->binding[f->id] : NULL;
    if (!b || b->kind != BIND_GLOBAL || b->global->kind != GLOBAL_BUILTIN || n->Call.keywords.len)
        return false;
    *ret_zip = str_eq_c(b->global->s, "zip");
    bool is_enumerate = str_eq_c(b->global->s, "enumerate");
    return *ret_zip ? n->Call.args.len == 2 : is_enumerate && (n->Call.args.len == 1 || n->Call.args.len == 2);
}

static void infer_for_pairs(Infer *in, const Node *n, bool is_zip) {
    Nodes args = n->For.iter->Call.args;
    const Type *list = infer_expr(in, args.at[0]), *other = &type_int;
    if (args.len > 1)
        other = infer_expr(in, args.at[1]);
    if (!type_is_list(list) || (is_zip ? !type_is_list(other) : other->kind != TYPE_INT))
        fail(in->c, n->For.iter->span, "for over this is compiled with lists only");
    const Type *item = infer_list_turns(in, n, list), *second = is_zip ? infer_list_turns(in, n, other) : item;
    in->info[n->For.iter->id].live = true;
    in->info[n->For.iter->id].type = pair(in, list, other);
    in->info[n->id].type = pair(in, is_zip ? item : &type_int, second);
    if (n->For.target->kind != NODE_Tuple || n->For.target->Tuple.elts.len != 2)
        fail(in->c, n->For.target->span, "for over pairs is compiled with two targets");
    infer_loop(in, n, for_turn, n->For.orelse);
}

#define TUPLE_TURNS_MAX 16 /* each turn looks through the items */

/* A tuple of values of one type, or of references, as people write them behind "in". NULL: it is none. */
static const Type *tuple_turns(Infer *in, const Type *tuple) {
    if (tuple->kind != TYPE_TUPLE || !tuple->nitems || tuple->nitems > TUPLE_TURNS_MAX)
        return NULL;
    const Type *item = type_not_exact(in->pool, tuple->items[0]);
    for (size_t i = 1; item && i < tuple->nitems; i++) {
        const Type *t = type_not_exact(in->pool, tuple->items[i]);
        bool are_refs = t->kind == TYPE_REF && item->kind == TYPE_REF;
        item = type_eq(t, item) ? item : are_refs ? type_join(in->lang, item, t) : NULL;
    }
    return !item || item->kind == TYPE_PY || item->kind == TYPE_NONE ? NULL : item;
}

static void infer_for_list(Infer *in, const Node *n) {
    bool is_zip;
    if (is_pairs(in, n->For.iter, &is_zip)) {
        infer_for_pairs(in, n, is_zip);
        return;
    }
    const Type *list = infer_value(in, n->For.iter, NULL);
    if (list->kind == TYPE_PY && !type_is_list(list)) {
        in->info[n->id].type = infer_object_turns(in, n, list);
        in->info[n->For.iter->id].common =
            pair(in, &type_py, &type_py); /* where the interpreter goes on: an iterator, an item */
        infer_loop(in, n, for_turn, n->For.orelse);
        return;
    }
    const Type *item = tuple_turns(in, list);
    if (!item && !type_is_list(list))
        fail(in->c, n->For.iter->span, "for over %s is not compiled yet", type_words(in, list));
    in->info[n->id].type = item ? item : infer_list_turns(in, n, list);
    infer_loop(in, n, for_turn, n->For.orelse);
}

static void infer_for(Infer *in, const Node *n) {
    const Node *range = range_call(in, n->For.iter);
    if (!range) {
        infer_for_list(in, n);
        return;
    }
    Nodes args = range->Call.args;
    if (range->Call.keywords.len || args.len < 1 || args.len > 3)
        fail(in->c, range->span, "range takes 1 to 3 arguments");
    for (size_t i = 0; i < args.len; i++) {
        const Type *t = infer_not_none(in, args.at[i], infer_value(in, args.at[i], &type_int));
        if (!type_is_int(t))
            fail(in->c, args.at[i]->span, "'%s' object cannot be interpreted as an integer", type_words(in, t));
        if (t->kind == TYPE_UINT64)
            fail(in->c, args.at[i]->span, "range over uint64 is not compiled");
    }
    infer_mark(in, range);
    in->info[n->id].type = &type_int;
    infer_loop(in, n, for_turn, n->For.orelse);
}

const Type *infer_named_type(const Node *annotation) {
    static const struct {
        const char *name;
        const Type *type;
    } known[] = {{"int", &type_int}, {"float", &type_float}, {"bool", &type_bool}};
    for (size_t i = 0; annotation && annotation->kind == NODE_Name && i < sizeof known / sizeof *known; i++)
        if (str_eq_c(annotation->Name.id, known[i].name))
            return known[i].type;
    return NULL;
}

/* What the annotation says that it returns; not of methods that operators call, which take nothing else. */
static const Type *promised_type(Infer *in) {
    const Node *f = in->bound->function;
    bool is_special = f->FunctionDef.name.len > 2 && !memcmp(f->FunctionDef.name.ptr, "__", 2);
    return is_special ? NULL : infer_named_type(f->FunctionDef.returns);
}

static void infer_return(Infer *in, const Node *n) {
    const Type *t = n->Return.value ? infer_value(in, n->Return.value, promised_type(in)) : &type_none;
    bool seen = in->info[n->id].type != NULL;
    in->info[n->id].type = t;
    infer_mark(in, n);
    if (!seen)
        pool_push(in->pool, in->returns, in->nreturns, in->cap_returns) = n;
    infer_leaves_try(in, false, false);
    in->env.dead = true;
}

/* What the target is, or was the last time. */
static const Type *wanted_type(Infer *in, const Node *target) {
    if (target->kind == NODE_Name) {
        const LocalState *s = &in->env.locals[in->bound->binding[target->id].local];
        return s->conflict ? NULL : s->type;
    }
    if (target->kind != NODE_Attribute || !is_own_self(in, target->Attribute.value))
        return NULL;
    const DefSpec *d = &in->lang->unit->defs[in->bound->def_index];
    Str name = bound_mangle(in->pool, in->bound, target->Attribute.attr);
    for (size_t i = 0; d->is_class && i < d->nfields; i++)
        if (str_eq(d->fields[i].name, name))
            return d->fields[i].type;
    return NULL;
}

/* xs[i], xs[j] = xs[j], xs[i] */
static bool swaps_items(const Node *target, const Node *value) {
    if (target->kind != NODE_Tuple || value->kind != NODE_Tuple || target->Tuple.elts.len != value->Tuple.elts.len)
        return false;
    for (size_t i = 0; i < target->Tuple.elts.len; i++)
        if (target->Tuple.elts.at[i]->kind != NODE_Subscript || value->Tuple.elts.at[i]->kind == NODE_Starred)
            return false;
    return target->Tuple.elts.len > 0;
}

static void infer_swap(Infer *in, const Node *n) {
    Nodes targets = n->Assign.targets.at[0]->Tuple.elts, values = n->Assign.value->Tuple.elts;
    for (size_t i = 0; i < values.len; i++)
        infer_expr(in, values.at[i]);
    in->info[n->Assign.value->id].live = true;
    for (size_t i = 0; i < targets.len; i++)
        infer_list_target(in, n, targets.at[i]);
    for (size_t i = 0; i < targets.len; i++)
        infer_list_store(in, targets.at[i], in->info[values.at[i]->id].type);
}

static void infer_assign_item(Infer *in, const Node *n) {
    const Node *target = n->Assign.targets.at[0];
    const Type *t = infer_value(in, n->Assign.value, NULL);
    if (infer_object_target(in, n, target))
        return;
    t = infer_not_none(in, n->Assign.value, t);
    infer_list_target(in, n, target);
    infer_list_store(in, target, t);
}

static void infer_assigned(Infer *in, const Node *target, const Type *type, bool is_single) {
    if (!is_single && type->kind == TYPE_PY && (target->kind == NODE_Tuple || target->kind == NODE_List))
        fail(in->c, target->span, "an object is unpacked into one target only");
    if (is_single && target->kind == NODE_Attribute)
        infer_attribute_target(in, target, type);
    else
        infer_target(in, target, type);
}

static const Nodes *parts_of(const Node *n) {
    return n->kind == NODE_Tuple ? &n->Tuple.elts : n->kind == NODE_List ? &n->List.elts : NULL;
}

/* What is stored fits without being converted, so that nothing goes wrong between two targets. */
static void infer_field_of_several(Infer *in, const Node *target, const Type *type) {
    infer_store_attribute(in, target, type);
    const MemberInfo *m = in->info[target->id].member;
    const Type *field = m && m->kind == MEMBER_FIELD ? in->lang->unit->defs[m->def].fields[m->field].type : NULL;
    if (!field || !(type_eq(field, type) || (field->kind == TYPE_REF && type->kind == TYPE_REF)))
        fail(in->c, target->span, "one of several targets is compiled where its value is of its type");
}

static bool is_of_local(const Infer *in, const Node *target) {
    const Node *base = target->kind == NODE_Attribute ? target->Attribute.value : NULL;
    return base && base->kind == NODE_Name && in->bound->binding[base->id].kind == BIND_LOCAL;
}

/* A local's attribute that only the interpreter stores to is among them. */
static bool stores_objects(Infer *in, const Nodes *targets) {
    bool found = false;
    for (size_t i = 0; i < targets->len; i++)
        found |= is_of_local(in, targets->at[i]) && infer_is_object_attribute(in, targets->at[i]);
    return found;
}

/* a, self.b = x, y with objects among the values, or targets: no tuple is made, and each name is what it is given. */
static bool infer_assign_each(Infer *in, const Node *n, const Type *type) {
    const Node *target = n->Assign.targets.at[0], *value = n->Assign.value;
    const Nodes *targets = parts_of(target), *values = &value->Tuple.elts;
    bool is_tuple =
        n->Assign.targets.len == 1 && value->kind == NODE_Tuple && in->info[value->id].region == REGION_NONE;
    bool may_be =
        targets && is_tuple && targets->len == values->len && (type->kind == TYPE_PY || type->kind == TYPE_TUPLE);
    for (size_t i = 0; may_be && i < targets->len; i++)
        may_be = targets->at[i]->kind == NODE_Name || is_of_local(in, targets->at[i]);
    if (!may_be || !effect_can_resume(in) || (type->kind == TYPE_TUPLE && !stores_objects(in, targets)))
        return false;
    check_once(in, *targets);
    in->info[target->id].live = true;
    in->info[target->id].type = type;
    infer_mark(in, target);
    for (size_t i = 0; i < targets->len; i++) {
        const Type *t = type_not_exact(in->pool, in->info[values->at[i]->id].type);
        if (targets->at[i]->kind == NODE_Name)
            infer_target(in, targets->at[i], t);
        else if (!infer_object_target(in, n, targets->at[i]))
            infer_field_of_several(in, targets->at[i], t);
    }
    infer_mark(in, n);
    return true;
}

static void infer_assign(Infer *in, const Node *n) {
    const Node *first = n->Assign.targets.at[0];
    if (n->Assign.targets.len == 1 && (first->kind == NODE_Subscript || swaps_items(first, n->Assign.value))) {
        (first->kind == NODE_Subscript ? infer_assign_item : infer_swap)(in, n);
        return;
    }
    if (n->Assign.targets.len == 1 && infer_is_own_float(in, n->Assign.targets.at[0]))
        infer_to_float(in, n->Assign.value);
    const Type *t = infer_value(in, n->Assign.value, wanted_type(in, n->Assign.targets.at[0]));
    bool is_single = n->Assign.targets.len == 1;
    t = is_single ? infer_list_begins(in, first, n->Assign.value, t) : t;
    if (is_single && first->kind == NODE_Attribute && infer_object_target(in, n, first))
        return;
    if (is_single && first->kind != NODE_Name) /* fields hold no None, nor is it unpacked */
        t = infer_not_none(in, n->Assign.value, t);
    if (t->kind == TYPE_PY)
        infer_mark(in, n);
    if (infer_assign_each(in, n, t))
        return;
    for (size_t i = 0; i < n->Assign.targets.len; i++)
        infer_assigned(in, n->Assign.targets.at[i], t, is_single);
}

/* The message may never get a value, where the test fails. */
static void infer_message(Infer *in, const Node *msg) {
    jmp_buf bottom, *outer = in->bottom;
    in->bottom = &bottom;
    if (setjmp(bottom) == 0)
        infer_raise_arg(in, msg);
    in->bottom = outer;
}

static void infer_assert(Infer *in, const Node *n) {
    Env yes, no;
    infer_cond(in, n->Assert.test, &yes, &no);
    in->env = no;
    if (n->Assert.msg && !no.dead)
        infer_message(in, n->Assert.msg);
    infer_mark(in, n);
    in->env = yes;
}

static void infer_jump(Infer *in, const Node *n) {
    if (!in->loop)
        fail(in->c, n->span, "'%s' outside loop", n->kind == NODE_Break ? "break" : "continue");
    bool breaks = n->kind == NODE_Break;
    if (!infer_leaves_try(in, breaks, !breaks))
        env_join(in, breaks ? &in->loop->on_break : &in->loop->on_continue, &in->env);
    in->env.dead = true;
}

/* Of a class that only annotations name nothing is known here: what the value is says more. */
static bool says_more(const Type *value, const Type *annotated) {
    bool is_same = value->kind == TYPE_PY && value->likely == annotated->likely && value->nitems == annotated->nitems;
    for (size_t i = 0; is_same && i < annotated->nitems; i++)
        if (!type_eq(annotated->items[i], &type_py))
            return false;
    return is_same;
}

static void infer_annotated(Infer *in, const Node *n) {
    const Node *annotation = n->AnnAssign.annotation;
    const Type *t = infer_value(in, n->AnnAssign.value, infer_named_type(annotation));
    const Type *list = t->kind == TYPE_PY ? infer_annotated_object(in, annotation) : NULL;
    if (list && says_more(t, list))
        list = t;
    if (list && type_is_list(list) && type_eq(list->items[0], &type_py))
        list = infer_list_begins(in, n->AnnAssign.target, n->AnnAssign.value, list);
    if (n->AnnAssign.target->kind == NODE_Attribute && infer_object_target(in, n, n->AnnAssign.target))
        return;
    infer_target(in, n->AnnAssign.target, list ? list : t);
}

static bool is_docstring(const Node *value) {
    return value->kind == NODE_Constant &&
           (value->Constant.value.kind == CONST_STR || value->Constant.value.kind == CONST_ELLIPSIS);
}

void infer_one_stmt(Infer *in, const Node *n) {
    switch (n->kind) {
    case NODE_Expr:
        if (!is_docstring(n->Expr.value))
            infer_expr(in, n->Expr.value);
        return;
    case NODE_Assign:
        infer_assign(in, n);
        return;
    case NODE_AugAssign:
        infer_augassign(in, n);
        return;
    case NODE_AnnAssign:
        if (n->AnnAssign.value)
            infer_annotated(in, n);
        return;
    case NODE_If:
        infer_if(in, n);
        return;
    case NODE_While:
        infer_loop(in, n, while_turn, n->While.orelse);
        return;
    case NODE_For:
        infer_for(in, n);
        return;
    case NODE_Return:
        infer_return(in, n);
        return;
    case NODE_Break:
    case NODE_Continue:
        infer_jump(in, n);
        return;
    case NODE_Assert:
        infer_assert(in, n);
        return;
    case NODE_Raise:
        infer_raise(in, n);
        infer_mark(in, n);
        in->env.dead = true;
        return;
    case NODE_Try:
        infer_attempt(in, n);
        return;
    case NODE_With:
        infer_with(in, n);
        return;
    case NODE_Pass:
        return;
    default:
        fail(in->c, n->span, "%s is not compiled yet", infer_syntax_words(n->kind));
    }
}
