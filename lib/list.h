/* SPDX-License-Identifier: MIT */
/*
 * Intrusive circular doubly-linked list. A list_head is either a list (the sentinel) or a member of
 * one, embedded in what it links; a removed member points to itself, so list_empty() on it tells
 * whether it is queued anywhere. The caller locks; list_looks_empty() alone may be asked without.
 */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include "lib/compiler.h"
#include "lib/types.h"

struct list_head {
	struct list_head *next;
	struct list_head *prev;
};

#define LIST_HEAD_INIT(name)	{ &(name), &(name) }

/* Make a list empty, or a member unqueued. */
static inline void list_init(struct list_head *list)
{
	WRITE_ONCE(list->next, list);
	list->prev = list;
}

static inline bool list_empty(const struct list_head *list)
{
	return list->next == list;
}

/* The same beside others that change the list: right for some moment during the call. */
static inline bool list_looks_empty(const struct list_head *list)
{
	return READ_ONCE(list->next) == list;
}

static inline void list_insert_between(struct list_head *item, struct list_head *prev,
				       struct list_head *next)
{
	item->prev = prev;
	WRITE_ONCE(item->next, next);
	WRITE_ONCE(prev->next, item);
	next->prev = item;
}

/* Insert item right after list: first, when list is the sentinel. item must not be queued. */
static inline void list_add(struct list_head *item, struct list_head *list)
{
	list_insert_between(item, list, list->next);
}

/* Insert item right before list: last, when list is the sentinel. item must not be queued. */
static inline void list_add_tail(struct list_head *item, struct list_head *list)
{
	list_insert_between(item, list->prev, list);
}

/* Remove item from its list and leave it unqueued; harmless on an unqueued one. */
static inline void list_del(struct list_head *item)
{
	WRITE_ONCE(item->prev->next, item->next);
	item->next->prev = item->prev;
	list_init(item);
}

#define list_entry(ptr, type, member)		container_of(ptr, type, member)

/* First and last entry; the list must not be empty. */
#define list_first_entry(list, type, member)	list_entry((list)->next, type, member)
#define list_last_entry(list, type, member)	list_entry((list)->prev, type, member)

/* The entry at ptr, a member of list; NULL where ptr is list itself, of which none is formed. */
#define list_entry_or_null(ptr, list, type, member) \
	((ptr) == (list) ? NULL : list_entry(ptr, type, member))

/* First entry, or NULL when the list is empty. */
#define list_first_entry_or_null(list, type, member) \
	list_entry_or_null((list)->next, list, type, member)

#define list_for_each(it, list) \
	for ((it) = (list)->next; (it) != (list); (it) = (it)->next)

/*
 * Visit every entry, pos being a pointer to the entries' type; the body must not remove pos. Behind the loop
 * pos is NULL, unless the body has left it by break.
 */
#define list_for_each_entry(pos, list, member)						\
	for ((pos) = list_first_entry_or_null(list, __typeof__(*(pos)), member); (pos);	\
	     (pos) = list_entry_or_null((pos)->member.next, list, __typeof__(*(pos)), member))

/* The same where the body may remove or free pos; ahead is a second pointer of pos' type. */
#define list_for_each_entry_safe(pos, ahead, list, member)				\
	for ((pos) = list_first_entry_or_null(list, __typeof__(*(pos)), member);	\
	     (pos) && ((ahead) = list_entry_or_null((pos)->member.next, list,		\
						    __typeof__(*(pos)), member), true);	\
	     (pos) = (ahead))

#endif
