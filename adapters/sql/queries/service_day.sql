-- Requests of a day by kind of answer, in how many minutes there were any, and most in one of them. Always one row.
SELECT coalesce(sum(answered), 0)::integer, coalesce(sum(refused), 0)::integer, coalesce(sum(shed), 0)::integer,
    coalesce(sum(failed), 0)::integer, count(*)::integer, coalesce(max(requests), 0)::integer
FROM (
    SELECT sum(count) AS requests, sum(count) FILTER (WHERE kind = 'answered') AS answered,
        sum(count) FILTER (WHERE kind = 'refused') AS refused, sum(count) FILTER (WHERE kind = 'shed') AS shed,
        sum(count) FILTER (WHERE kind = 'failed') AS failed
    FROM service_counts
    WHERE day = %(day)s AND kind <> 'predicted'
    GROUP BY minute
) AS minutes
