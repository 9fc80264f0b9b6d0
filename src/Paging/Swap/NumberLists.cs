using System.Runtime.InteropServices;

namespace Paging.Swap;

/// <summary>Doubly linked lists of numbers. Each number is in one list or in none. Every operation takes constant time.</summary>
/// <remarks>Not thread-safe. The links lie in memory of the caller's: <see cref="Bytes"/> bytes of zeroes. Zeroes are lists that are all
/// empty, since links are kept as differences. So no memory is touched before it is used.</remarks>
internal sealed unsafe class NumberLists
{
    internal const int None = -1;

    /// <summary>First the heads of the lists, each one a link in its own ring, then one link for each number.</summary>
    private readonly Link* _links;
    private readonly int _lists;

    internal NumberLists(byte* memory, int lists)
    {
        _links = (Link*)memory;
        _lists = lists;
    }

    /// <summary>The bytes of memory that so many numbers in so many lists take.</summary>
    internal static long Bytes(int lists, long numbers) => (lists + numbers) * sizeof(Link);

    /// <summary>The number that has been in a list longest; none when it is empty.</summary>
    internal int First(int list) => Number(NextOf(list));

    /// <summary>The number behind another one in its list; none when that is the last.</summary>
    internal int Next(int number) => Number(NextOf(_lists + number));

    /// <summary>Puts a number at the end of a list, or in none. A number that is in that list already stays where it is.</summary>
    internal void Put(int number, int list)
    {
        int item = _lists + number;
        Link* link = _links + item;
        if (link->ListPlusOne == list + 1)
        {
            return;
        }

        if (link->ListPlusOne != 0)
        {
            Join(PreviousOf(item), NextOf(item));
        }

        link->ListPlusOne = list + 1;
        if (list != None)
        {
            Join(PreviousOf(list), item);
            Join(item, list);
        }
    }

    private void Join(int before, int after)
    {
        _links[before].ToNext = after - before;
        _links[after].ToPrevious = before - after;
    }

    private int NextOf(int link) => link + _links[link].ToNext;

    private int PreviousOf(int link) => link + _links[link].ToPrevious;

    private int Number(int link) => link < _lists ? None : link - _lists;

    [StructLayout(LayoutKind.Sequential)]
    private struct Link
    {
        internal int ToNext;
        internal int ToPrevious;

        /// <summary>The list that the number is in, plus one; 0 for none.</summary>
        internal int ListPlusOne;
    }
}
